"""The parts that know DVC: its lock, jobs and the code dependencies of stages."""
