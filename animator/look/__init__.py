"""Looking at a scene before it is rendered: its motion, its curves, its cost, and how one frame is made."""
