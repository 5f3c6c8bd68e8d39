"""Questions: functions of a feature map and a head that leave products."""
