"""Moving a picture: in 2D, in 3D through its depth, and into the two views of a pair of eyes."""
