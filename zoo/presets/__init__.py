"""Presets: folders of trained models that load anywhere, safely, for years; see `layout` for what is in one."""
