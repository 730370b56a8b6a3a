"""Bags of MNIST digits in the published setting: five ways of pooling, 50 to 200 training bags."""
