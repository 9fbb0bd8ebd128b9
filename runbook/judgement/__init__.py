"""How answers are judged: findings made uniform, waivers applied, criteria counted. Pure, like the checks themselves."""
