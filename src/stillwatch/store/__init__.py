"""Store: what is kept between commands: cases today."""
