"""How loud a sound is at every frame of a film, in all and in its bass and treble."""
