"""Films: frames in, an mp4 out that can be watched while it grows."""
