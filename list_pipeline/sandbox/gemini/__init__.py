"""The rehearsed Gemini: its wire format, a stand-in for the model, and its misbehaviours.

Does not belong here: the product's prompts.
"""
