"""One neural network trained by several workers of a Spark barrier stage, which agree on each step."""
