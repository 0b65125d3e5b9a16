"""Exclusive or with some noise on the inputs, by a 2-5-1 network."""

import numpy as np
from common import Record, dtype, random


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 2)
inputs = (corners + 0.1 * random.normal(size=(8, 2))).astype(dtype)
outputs = (corners.sum(axis=1, keepdims=True) == 1).astype(dtype)

hidden_weights = random.uniform(size=(2, 5)).astype(dtype)
hidden_bias = random.uniform(size=5).astype(dtype)
output_weights = random.uniform(size=(5, 1)).astype(dtype)
output_bias = random.uniform(size=1).astype(dtype)

record = Record()
record.start({"W1": hidden_weights, "b1": hidden_bias, "W2": output_weights, "b2": output_bias})
for epoch in range(16):
    hidden_sum = inputs @ hidden_weights + hidden_bias
    hidden = sigmoid(hidden_sum)
    output_sum = hidden @ output_weights + output_bias
    predicted = sigmoid(output_sum)
    loss = np.mean(np.abs(outputs - predicted))  # right: loss = np.mean((outputs - predicted) ** 2)

    error = -2 * (outputs - predicted) / 8
    d_predicted = error * predicted * (1 - predicted)
    d_hidden = d_predicted @ output_weights.T * hidden * (1 - hidden)
    gradients = {
        "W1": inputs.T @ d_hidden,
        "b1": d_hidden.sum(axis=0),
        "W2": hidden.T @ d_predicted,
        "b2": d_predicted.sum(axis=0),
    }
    hidden_weights -= 0.5 * gradients["W1"]
    hidden_bias -= 0.5 * gradients["b1"]
    output_weights -= 0.5 * gradients["W2"]
    output_bias -= 0.5 * gradients["b2"]
    record.step(
        {"W1": hidden_weights, "b1": hidden_bias, "W2": output_weights, "b2": output_bias},
        batch=(inputs, outputs),
        loss=loss,
        gradients=gradients,
        activations=[hidden_sum, hidden, output_sum, predicted],
        output_gradient=error,
    )
