"""The nightly job of the sample shop under Airflow, for those who schedule elsewhere.

Put it into the folder of the DAGs. `portrait run` says by its exit code how it ended: 75, another run holds the lock, is a reason to try later;
124 says that it took too long. The scheduled time is given, so that a task that is cleared and run again asks for the same moment.
"""

import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG(
    dag_id="portrait_nightly",
    schedule="0 2 * * *",
    start_date=datetime.datetime(2025, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": datetime.timedelta(minutes=5), "retry_exponential_backoff": True},
    tags=["portrait"],
) as dag:
    refresh = BashOperator(
        task_id="refresh_profile",
        cwd="/srv/portrait",
        bash_command=(
            "portrait -d /srv/portrait/crm run sql/jobs/nightly.sql --lock nightly --timeout 2h --log-format json"
            " --set 'scheduled_time:timestamp={{ data_interval_end.in_timezone(\"UTC\").strftime(\"%Y-%m-%d %H:%M:%S\") }}'"
        ),
    )
