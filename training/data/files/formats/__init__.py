"""The bytes of files: headers of images, records of TFRecord files."""
