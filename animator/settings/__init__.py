"""Every setting of a scene, one class a section."""
