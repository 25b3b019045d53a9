"""Formats in which bulletins leave: one file each, written from the bulletin and from nothing else.

Each has `SUFFIX` and `write(bulletins) -> bytes`; a format that can be read back has `read(bytes) -> bulletins`.
"""
