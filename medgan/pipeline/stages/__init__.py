"""One stage a file: its settings, what it takes, what it leaves. `pipeline.table` names them."""
