"""The files of config/deploy, each read by its own program, and a release that is built and served as they say."""
