"""From the data of a request to the prediction."""
