"""Names of engines, files and precisions; without torch, as `hearlog --help` prints them."""

EXPORTED = {"onnx": "model.onnx", "openvino": "model.xml"}  # files of a model folder
ENGINES = ("torch", *EXPORTED)
PRECISIONS = ("float32", "bfloat16", "auto")
