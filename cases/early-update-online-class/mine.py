"""A network class that takes one example at a time; vectors are columns, weights [out, in]."""

import numpy as np
from common import Record, dtype, random


class NeuralNetwork:
    learning_rate = 0.3

    def __init__(self, inputs, hidden, outputs):
        self.weights_ih = random.uniform(-1, 1, (hidden, inputs)).astype(dtype)
        self.weights_ho = random.uniform(-1, 1, (outputs, hidden)).astype(dtype)
        self.bias_h = random.uniform(-1, 1, (hidden, 1)).astype(dtype)
        self.bias_o = random.uniform(-1, 1, (outputs, 1)).astype(dtype)

    def feedforward(self, inputs):
        self.hidden_sum = self.weights_ih @ inputs + self.bias_h
        self.hidden = 1 / (1 + np.exp(-self.hidden_sum))
        self.output_sum = self.weights_ho @ self.hidden + self.bias_o
        self.outputs = 1 / (1 + np.exp(-self.output_sum))
        return self.outputs

    def train(self, inputs, targets):
        outputs = self.feedforward(inputs)
        self.errors = targets - outputs
        gradients = self.errors * outputs * (1 - outputs)
        self.delta_ho, self.delta_bo = gradients @ self.hidden.T, gradients
        weights = self.weights_ho.copy()
        self.weights_ho += self.learning_rate * self.delta_ho
        self.bias_o += self.learning_rate * self.delta_bo
        hidden_errors = self.weights_ho.T @ gradients  # right: hidden_errors = weights.T @ gradients
        hidden_gradients = hidden_errors * self.hidden * (1 - self.hidden)
        self.delta_ih, self.delta_bh = hidden_gradients @ inputs.T, hidden_gradients
        self.weights_ih += self.learning_rate * self.delta_ih
        self.bias_h += self.learning_rate * self.delta_bh

    def weights(self):
        return {
            "weights_ih": self.weights_ih,
            "bias_h": self.bias_h[:, 0],
            "weights_ho": self.weights_ho,
            "bias_o": self.bias_o[:, 0],
        }

    def gradients(self):
        return {
            "weights_ih": -self.delta_ih,
            "bias_h": -self.delta_bh[:, 0],
            "weights_ho": -self.delta_ho,
            "bias_o": -self.delta_bo[:, 0],
        }


nn = NeuralNetwork(3, 5, 2)
record = Record()
record.start(nn.weights())
for i in range(24):
    x = random.uniform(size=(3, 1)).astype(dtype)
    t = np.stack([x[0] > x[1], x.sum(axis=0) > 1.5]).astype(dtype)
    nn.train(x, t)
    layers = [nn.hidden_sum, nn.hidden, nn.output_sum, nn.outputs]
    record.step(
        nn.weights(),
        batch=(x.T, t.T),
        loss=0.5 * np.sum(nn.errors**2),
        gradients=nn.gradients(),
        activations=[layer.T for layer in layers],
        output_gradient=-nn.errors.T,
    )
