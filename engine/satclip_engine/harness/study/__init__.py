"""The scale and upsampling study: ``python -m satclip_engine.harness.study`` sweeps settings against score and time."""
