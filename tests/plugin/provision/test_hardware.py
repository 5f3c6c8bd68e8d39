"""What decides between CPU and CUDA, from recorded answers of the driver's tool."""

from __future__ import annotations

from pathlib import Path

from satclip_qgis.provision.hardware import Gpu, Hardware, detect_hardware, free_disk_bytes, parse_nvidia_smi
from satclip_qgis.provision.plan import CPU, CUDA, explain_backend

GIB = 1024**3


def machine(*gpus: Gpu, system: str = "linux") -> Hardware:
    return Hardware(cores=8, memory_bytes=16 * GIB, gpus=gpus, machine="x86_64", system=system)


def test_several_cards_are_read_with_commas_in_names() -> None:
    text = "NVIDIA H100 80GB HBM3, 81559, 580.95.05, 9.0\nQuadro P2000, Mobile, 4096, 535.183.01, 6.1\n"
    assert parse_nvidia_smi(text) == (
        Gpu("NVIDIA H100 80GB HBM3", 81559 * 1024**2, 580, 9.0),
        Gpu("Quadro P2000, Mobile", 4096 * 1024**2, 535, 6.1),
    )


def test_an_error_text_is_no_card() -> None:
    assert parse_nvidia_smi("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n") == ()
    assert parse_nvidia_smi("[N/A], [N/A], [N/A], [N/A]") == ()
    assert parse_nvidia_smi("") == ()


def test_an_old_driver_or_card_means_cpu_and_says_why() -> None:
    old_driver = machine(Gpu("RTX 4090", 24 * GIB, 535, 8.9))
    old_card = machine(Gpu("GTX 1080", 8 * GIB, 580, 6.1))
    assert old_driver.cuda_gpu is None
    assert old_card.cuda_gpu is None
    assert "update the driver" in explain_backend(old_driver, CPU)
    assert "6.1" in explain_backend(old_card, CPU)


def test_a_fitting_card_means_cuda() -> None:
    fitting = machine(Gpu("GTX 1080", 8 * GIB, 580, 6.1), Gpu("RTX 4090", 24 * GIB, 580, 8.9))
    assert fitting.cuda_gpu is not None
    assert fitting.cuda_gpu.name == "RTX 4090"
    assert "RTX 4090" in explain_backend(fitting, CUDA)
    assert "as chosen" in explain_backend(fitting, CPU)


def test_this_machine_has_cores_and_memory(qgis_app: object) -> None:
    here = detect_hardware()
    assert here.cores >= 1
    assert here.memory_bytes > GIB // 2


def test_free_disk_of_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert free_disk_bytes(tmp_path / "a" / "b") > 0
