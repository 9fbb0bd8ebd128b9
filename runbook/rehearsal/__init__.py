"""The embedded cluster: a Kubernetes API that behaves, for rehearsals and tests.

It judges the product, so it shares nothing with it.

    store = Store(clock)                          all objects; controllers read, write and subscribe here
    api = Api(store, tokens={token: (user, groups)}, backends=…, logs=…, request_log=…)
    runner, port = await serve.start(api, "127.0.0.1", 0, ssl_context)

`store` keeps and logs (`objects`, `changes`, `lifecycle`, `garbage`, `events`); `api` answers (`routes`, `access`,
`listing`, `watching`, `writing`, `patching`, `scaling`, `evicting`, `discovery`, `reviews`, `logs`, `proxying`) after it
has judged (`options`, `identity`, `validation`, `immutability`) and noted whose fields they are (`managedfields`);
`faults` breaks it on demand; `tables` prints as kubectl does (`printers`, `cells`).
"""
