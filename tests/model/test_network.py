import pytest
import torch

from hearlog.model.losses import cosine_proximity, squared_error
from hearlog.model.network import DoubleConvBlock, EmbeddingNetwork, SeparableNetwork, TaskNetwork, channel_means

# The paper's Table 1, and what its rows hold when counted by hand for F channels:
#   block 1: BN(1) 2, conv(1->F) 9F + F, BN(F) 2F, conv(F->F) 9F^2 + F, gate F^2/8 + F/8 and F^2/8 + F
#   blocks 2 to 5: 2 BN(F) 4F, 2 conv 18F^2 + 2F, gate F^2/4 + 9F/8
#   linear layer: 40F + 40


def parameters_by_hand(f: int) -> int:
    gate = 2 * f * f // 8 + f // 8 + f
    first = 2 + 9 * f + f + 2 * f + 9 * f * f + f + gate
    other = 4 * f + 18 * f * f + 2 * f + gate
    return first + 4 * other + 40 * f + 40


@pytest.mark.parametrize(("channels", "count"), [(32, 86_910), (64, 342_226), (128, 1_358_202), (256, 5_411_530)])
def test_parameter_count_of_every_capacity(channels, count):
    with torch.device("meta"):
        network = EmbeddingNetwork(channels)
    assert sum(p.numel() for p in network.parameters()) == count == parameters_by_hand(channels)


def test_shapes_of_table_1_for_32_channels():
    network, shapes = EmbeddingNetwork(32).eval(), []
    for block in network.blocks:
        block.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    with torch.inference_mode():
        embedding = network(torch.zeros(1, 96, 1280))
    assert shapes == [(32, 24, 256), (32, 8, 64), (32, 4, 16), (32, 2, 4), (32,)]
    assert embedding.shape == (1, 40)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_channel_means_are_means_and_have_their_gradient(layout):
    maps = torch.randn(3, 5, 7, 11, generator=torch.Generator().manual_seed(0)).to(memory_format=layout)
    maps.requires_grad_()
    means = channel_means(maps)
    assert torch.allclose(means, maps.mean(dim=(2, 3)), atol=1e-6)
    (means * torch.arange(15.0).view(3, 5)).sum().backward()
    assert torch.allclose(maps.grad, torch.arange(15.0).view(3, 5, 1, 1).expand_as(maps) / 77)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-3), (torch.float64, 1e-9)])
def test_both_memory_layouts_give_the_same_outputs_and_gradients(dtype, tolerance):
    mel = 20 * torch.randn(4, 96, 320, dtype=dtype, generator=torch.Generator().manual_seed(0)) - 40
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        network, maps = EmbeddingNetwork(16).to(dtype, memory_format=layout), []
        network.blocks[1].conv1.register_forward_hook(lambda module, inputs, output, maps=maps: maps.append(output))
        output = network(mel)
        assert all(kept.is_contiguous(memory_format=layout) for kept in maps)
        output.square().sum().backward()
        gradient = torch.cat([weight.grad.flatten() for weight in network.parameters()])
        found.append({"output": output, "gradient": gradient, **network.layers(mel)})
    for name in found[0]:
        one, other = (of_layout[name].detach() for of_layout in found)
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance * one.abs().max().item(), msg=name)


def test_the_separable_student_is_small_and_has_the_paper_network_interface():
    student, paper = SeparableNetwork(32).eval(), EmbeddingNetwork(32)
    assert sum(p.numel() for p in student.parameters()) < sum(p.numel() for p in paper.parameters()) / 8
    with torch.inference_mode():
        assert student(torch.zeros(2, 96, 320)).shape == (2, 40)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_maps_of_the_separable_student_have_the_layout_of_its_weights(layout):
    student, maps = SeparableNetwork(16).to(memory_format=layout), []
    for block in student.blocks:
        block.norm.register_forward_hook(lambda module, inputs, output: maps.append(output))
    student(torch.zeros(2, 96, 400)[:, :, 40:360])
    assert len(maps) == 5 and all(kept.is_contiguous(memory_format=layout) for kept in maps)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gating_after_pooling_equals_gating_before(dtype):
    torch.manual_seed(0)
    block, maps = DoubleConvBlock(16, 16, 8, (3, 4)).eval(), torch.randn(2, 16, 24, 64)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        convolved = block.conv2(torch.relu(block.norm2(block.conv1(torch.relu(block.norm1(maps))))))
        gates = block.gate(channel_means(convolved))[:, :, None, None]
        assert convolved.dtype == dtype
        assert torch.equal(block(maps), block.pool(convolved * gates))


def test_the_last_block_averages_the_gated_map():
    torch.manual_seed(0)
    block, maps = DoubleConvBlock(16, 16, 8, None).eval(), torch.randn(2, 16, 2, 4)
    convolved = block.conv2(torch.relu(block.norm2(block.conv1(torch.relu(block.norm1(maps))))))
    gates = block.gate(channel_means(convolved))[:, :, None, None]
    torch.testing.assert_close(block(maps), (convolved * gates).mean(dim=(2, 3)))


def test_the_output_layer_reads_the_embedding():
    network = TaskNetwork(EmbeddingNetwork(16, factors=5), 3).eval()
    penultimate, outputs = network(torch.randn(2, 96, 320))
    assert penultimate.shape == (2, 5)
    torch.testing.assert_close(outputs, penultimate @ network.output.weight.T + network.output.bias)


def test_losses_by_hand():
    predicted, target = torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[4.0, 3.0], [0.0, 2.0]])
    assert squared_error(predicted, target).item() == pytest.approx((1 + 1 + 1 + 4) / 4)
    assert cosine_proximity(predicted, target).item() == pytest.approx(((1 - 24 / 25) + 1) / 2)
