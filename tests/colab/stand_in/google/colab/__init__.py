"""A stand-in for the module that tells a notebook it is on Colab; it does nothing."""


class output:
    """Colab's front end, which is not here."""

    @staticmethod
    def enable_custom_widget_manager():
        """Do nothing: the course's widgets are of the kinds that need no other manager."""


class drive:
    """A person's Drive, which is not here."""

    @staticmethod
    def mount(folder):
        """Refuse: nothing may depend on it unasked."""
        raise RuntimeError(f"A lesson asked for a person's Drive at {folder}, unasked.")
