"""Words that every room shares: frozen values and enums, without behaviour and without I/O."""
