"""A page in the browser on which a detector is tried. It needs Gradio (`gradio`)."""
