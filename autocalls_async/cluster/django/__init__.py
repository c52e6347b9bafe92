"""A Django app: its migration makes the tables, and `enqueue` is in your transaction.

    INSTALLED_APPS = [..., "autocalls_async.cluster.django"]

    from autocalls_async.cluster.django.outbox import enqueue

    with transaction.atomic():
        order.save()
        enqueue(message, account="acme", key=f"order-{order.pk}")

The database must be PostgreSQL, through psycopg. Workers are `autocalls worker`.
"""
