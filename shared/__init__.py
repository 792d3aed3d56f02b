"""Holdfast: backup and recovery for Microsoft Entra ID. The design is in `DESIGN.md` beside this file."""
