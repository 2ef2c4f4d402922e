"""``python -m examples`` trains and exports every example."""

from __future__ import annotations

from examples import image_cnn, iris_svc, mixed_pipeline, regressor, text_classifier

for script in (iris_svc, mixed_pipeline, text_classifier, regressor, image_cnn):
    script.main()
