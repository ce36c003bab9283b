"""What makes an int8 LiteRT file lose less accuracy."""
