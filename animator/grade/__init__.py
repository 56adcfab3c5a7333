"""The look of finished pictures: colours, sharpness and grain, each a formula over pixels."""
