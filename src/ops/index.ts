// The operators, under PyTorch's names: `F` of the public entry point.
