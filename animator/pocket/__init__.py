"""The bundled small networks and how they were trained, on pictures that this package draws itself."""
