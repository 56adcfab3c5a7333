"""Where the things in one picture are in the next: optical flow, and how far it can be trusted."""
