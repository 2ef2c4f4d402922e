"""Support tickets by topic: TF-IDF and logistic regression behind a single string input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from examples.export import OPSET, Files, model_bytes, write

TICKETS = {
    "billing": """
        I was charged twice for the same invoice this month
        Please refund the payment, I cancelled my subscription last week
        Why is the amount on my invoice higher than the price you quoted
        My credit card was declined but the money is gone from my account
        How do I get a receipt with our tax number on it
        The discount code was not applied to my bill
        Can we pay the yearly invoice by bank transfer instead of credit card
        You charged me after the free trial although I cancelled it
        The refund that you promised has not reached my bank account
        I want to change the card that my subscription is billed to
        There is a fee on my bill that nobody can explain
        Please send the invoice for March again, the price is wrong
        When will my payment show up, the bank says it was charged
        Our accounting needs one invoice for each subscription
        I paid the bill twice by mistake and want my money back
    """,
    "delivery": """
        My parcel has not arrived although the tracking says delivered
        The package was damaged when the courier handed it over
        Where is my order, it was shipped ten days ago
        Please change the shipping address of my order
        The courier left the box in the rain in front of the door
        Half of the items are missing from the parcel
        How long does shipping to Norway take
        The tracking number does not exist at the carrier
        I received the wrong item in my package today
        Can the delivery be moved to next Friday, nobody is at home
        The carrier returned my parcel to the warehouse
        My order was shipped to my old address
        The driver never rang, and now the package is at a depot
        Tracking has shown no movement of my shipment for a week
        The box arrived open and one item was missing
    """,
    "technical": """
        The app crashes as soon as I open the settings page
        I cannot log in, the page says my password is wrong
        The website shows an error 500 when I upload a file
        After the update the app no longer starts on my phone
        Password reset mails never reach my inbox
        The search page is very slow and then times out
        Sync between my laptop and my phone stopped working
        I get an error message when I export my data
        The login code from the authenticator app is not accepted
        Images do not load in the browser since the last update
        The screen stays blank after I log in
        Notifications no longer work on my new phone
        The upload hangs at ninety percent in every browser
        Your API answers with a timeout error since this morning
        The app freezes when I switch to the dark theme
    """,
}
"""Written for this example."""

HELD_OUT = {
    "billing": """
        Please refund the second charge on my credit card
        The price on the invoice is not what I paid
        I cancelled the subscription but was charged again
        My bank says that the payment was declined
    """,
    "delivery": """
        The parcel was shipped to the wrong address
        Tracking says that the courier has my package for a week
        One item is missing from my order
        The box arrived damaged
    """,
    "technical": """
        The app shows an error after the update
        I cannot log in on my new phone
        The page crashes when I upload images
        My password is not accepted by the website
    """,
}


def flatten(corpus: dict[str, str]) -> tuple[NDArray[np.object_], list[str]]:
    """Every sentence, with its topic."""
    pairs = [
        (line.strip(), topic) for topic in corpus for line in corpus[topic].strip().split("\n")
    ]
    return np.array([sentence for sentence, _ in pairs], object), [topic for _, topic in pairs]


def train() -> tuple[Pipeline, NDArray[np.object_], list[str]]:
    """The trained pipeline, and held-out tickets with their topics."""
    pipeline = make_pipeline(
        # ONNX Runtime lower-cases through the locale en_US.UTF-8, which slim images lack.
        TfidfVectorizer(lowercase=False, token_pattern="[a-zA-Z]+"),
        LogisticRegression(C=10),
    )
    return pipeline.fit(*flatten(TICKETS)), *flatten(HELD_OUT)


def export(pipeline: Pipeline) -> Files:
    model = to_onnx(
        pipeline,
        initial_types=[("text", StringTensorType([None, 1]))],
        options={"zipmap": False},
        target_opset=OPSET,
    )
    return {
        "text_classifier.onnx": model_bytes(model, "text_classifier"),
        "topics.txt": "".join(f"{topic}\n" for topic in pipeline.classes_).encode(),
    }


def main() -> None:
    pipeline, tickets, topics = train()
    print(f"accuracy on held-out tickets: {pipeline.score(tickets, topics):.2f}")
    write(export(pipeline))


if __name__ == "__main__":
    main()
