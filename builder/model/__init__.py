"""What an ONNX file says of itself.

``inspect.inspect_model`` asks a child process (``probe``), the only one that imports onnx,
onnxruntime and numpy; ``facts`` holds what it answers, ``labels.read_labels`` reads a labels file.
"""
