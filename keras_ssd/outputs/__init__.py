"""What a run of detection leaves in its folder: pictures, films, result files and a journal."""
