"""Pictures between two others: along the optical flow, or by a network."""
