"""What has no domain: errors of input, files that are whole or not there, checkpoints, the frame of a command line."""
