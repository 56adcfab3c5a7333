"""The bundled small networks: their weights, what they are, and the card that says what they can do."""
