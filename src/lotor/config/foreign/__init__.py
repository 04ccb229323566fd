"""Files of other programs to racoon.conf: one module for each kind of file, all by way of `connection`. Pure: texts in,
texts out."""
