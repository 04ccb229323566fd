"""Algorithm names to primitives; the only room that imports a crypto provider."""
