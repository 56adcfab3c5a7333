"""How far away the things in a picture are: networks, their blend, and depths that need no network."""
