using System.Buffers;
using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Transports;

/// <summary>What every line to an instrument promises, whatever carries it.</summary>
public abstract class LineContract
{
    protected static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    /// <summary>Ends when the test run is called off.</summary>
    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>A peer that is plugged in.</summary>
    internal abstract LinePeer NewPeer();

    /// <summary>Opens the line to a peer.</summary>
    protected abstract IInstrumentLine Open(string address);

    /// <summary>Bytes of one frame that a peer is flooded with.</summary>
    protected abstract int FloodFrame { get; }

    [Fact]
    public async Task Every_byte_value_passes_unchanged_both_ways()
    {
        using var peer = NewPeer();
        await using var line = Open(peer.Address);
        byte[] all = [.. Enumerable.Range(0, 256).Select(k => (byte)k), 0xFF, 0xFF, 0x00, 0x11, 0x13, 0x0D, 0x0A];
        await line.SendAsync(all, Stop);
        Assert.Equal(all, peer.Receive(all.Length));
        peer.Send(all);
        Assert.Equal(all, await ReadAsync(line, all.Length));
    }

    [Fact]
    public async Task A_peer_that_hangs_up_ends_the_input_with_an_error_and_every_later_send_is_one()
    {
        using var peer = NewPeer();
        await using var line = Open(peer.Address);
        await line.SendAsync(new byte[] { 1 }, Stop);
        peer.Receive(1);
        peer.HangUp();
        await Assert.ThrowsAsync<IOException>(() => EndAsync(line).WaitAsync(Bound, Stop));
        for (var k = 0; k < 3; k++)
            await Assert.ThrowsAsync<IOException>(() => line.SendAsync(new byte[] { 2 }, Stop).WaitAsync(Bound, Stop));
    }

    [Fact]
    public async Task A_peer_that_takes_nothing_breaks_the_line_instead_of_holding_the_sender()
    {
        using var peer = NewPeer();
        await using var line = Open(peer.Address);
        var frame = new byte[FloodFrame];
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            for (var k = 0; k < 1000; k++)
                await line.SendAsync(frame, Stop).WaitAsync(Bound, Stop);
        });
        await Assert.ThrowsAsync<IOException>(() => EndAsync(line).WaitAsync(Bound, Stop));
    }

    [Fact]
    public async Task A_device_plugged_in_again_is_opened_under_the_same_address()
    {
        using var peer = NewPeer();
        for (var round = 0; round < 3; round++)
        {
            await using (var line = Open(peer.Address))
            {
                await line.SendAsync(new byte[] { 7 }, Stop);
                Assert.Equal([7], peer.Receive(1));
                peer.HangUp();
                await Assert.ThrowsAsync<IOException>(() => EndAsync(line).WaitAsync(Bound, Stop));
            }
            Assert.Throws<IOException>(() => Open(peer.Address));
            peer.PlugIn();
        }
    }

    [Fact]
    public async Task A_reader_that_is_slow_or_cancels_its_waiting_loses_no_byte()
    {
        using var peer = NewPeer();
        await using var line = Open(peer.Address);
        var sent = new byte[100_000];
        new Random(1).NextBytes(sent);
        var taken = new List<byte>();
        for (var at = 0; at < sent.Length;)
        {
            using var impatient = new CancellationTokenSource();
            var reading = line.Input.ReadAsync(impatient.Token).AsTask();
            await impatient.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
            for (var k = 0; k < 20; k++, at += 500)
                peer.Send(sent[at..(at + 500)]);
            taken.AddRange(await ReadAsync(line, 20 * 500));
        }
        Assert.Equal(sent, taken);
    }

    [Fact]
    public async Task Disposing_never_waits_not_even_with_a_send_that_is_stuck()
    {
        using var peer = NewPeer();
        var line = Open(peer.Address);
        var sends = Enumerable.Range(0, 40).Select(_ => line.SendAsync(new byte[FloodFrame * 4], Stop)).ToList();
        var started = Stopwatch.GetTimestamp();
        await line.DisposeAsync();
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<IOException>(() => EndAsync(line).WaitAsync(Bound, Stop));
        await Task.WhenAll(sends.Select(async s => await Record.ExceptionAsync(() => s))).WaitAsync(Bound, Stop);
        await Assert.ThrowsAsync<IOException>(() => line.SendAsync(new byte[] { 1 }, Stop));
    }

    [Fact]
    public async Task Frames_of_several_senders_never_mix()
    {
        using var peer = NewPeer();
        await using var line = Open(peer.Address);
        var sends = Enumerable.Range(1, 20).Select(n => Task.Run(() => line.SendAsync(Enumerable.Repeat((byte)n, 40).ToArray(), Stop))).ToList();
        var received = peer.Receive(20 * 40);
        await Task.WhenAll(sends);
        Assert.Equal(20, received.Chunk(40).Select(frame => Assert.Single(frame.Distinct())).Distinct().Count());
    }

    /// <summary>Reads so many bytes.</summary>
    protected static async Task<byte[]> ReadAsync(IInstrumentLine line, int count)
    {
        var read = await line.Input.ReadAtLeastAsync(count, Stop).AsTask().WaitAsync(Bound, Stop);
        var bytes = read.Buffer.Slice(0, count).ToArray();
        line.Input.AdvanceTo(read.Buffer.GetPosition(count));
        return bytes;
    }

    /// <summary>Reads until the line ends, which must be with an error.</summary>
    protected static async Task EndAsync(IInstrumentLine line)
    {
        while (true)
        {
            var read = await line.Input.ReadAsync(Stop);
            line.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                return;
        }
    }
}

/// <summary>What every line to a serial device promises on top.</summary>
public abstract class SerialLineContract : LineContract
{
    /// <inheritdoc/>
    protected override int FloodFrame => 1000;

    internal override LinePeer NewPeer() => new PtyPeer();

    [Fact]
    public async Task Two_openers_of_a_device_collide_whatever_path_and_transport_they_use_until_the_first_lets_go()
    {
        using var peer = new PtyPeer();
        await using (Open(peer.Address))
        {
            foreach (var transport in (LineTransport[])[LineTransport.Ports, LineTransport.Poll])
            {
                var refused = Assert.Throws<IOException>(() => InstrumentLines.Open(new LineSettings { Device = peer.Device, Transport = transport }));
                Assert.Contains(peer.Device, refused.Message);
            }
        }
        await using var next = Open(peer.Address);
        await next.SendAsync(new byte[] { 5 }, Stop);
        Assert.Equal([5], peer.Receive(1));
    }

    [Fact]
    public async Task A_link_that_names_another_device_breaks_the_line_within_two_seconds_though_no_error_came()
    {
        using var peer = new PtyPeer();
        await using var line = Open(peer.Address);
        using var silent = peer.PlugInBeside();
        var started = Stopwatch.GetTimestamp();
        var error = await Assert.ThrowsAsync<IOException>(() => EndAsync(line).WaitAsync(Bound, Stop));
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(2.5));
        Assert.Contains(peer.Device, error.Message);
    }

    [Theory]
    [InlineData(115200)]
    [InlineData(230400)]
    [InlineData(921600)]
    public async Task A_fast_line_opens_and_carries(int baud)
    {
        using var peer = new PtyPeer();
        await using var line = Open(peer.Address, baud);
        peer.Send([1, 2, 3]);
        Assert.Equal([1, 2, 3], await ReadAsync(line, 3));
    }

    /// <summary>Opens at a speed.</summary>
    protected abstract IInstrumentLine Open(string address, int baud);

    /// <inheritdoc/>
    protected override IInstrumentLine Open(string address) => Open(address, 9600);
}

/// <summary>System.IO.Ports.</summary>
public sealed class SerialLineTests : SerialLineContract
{
    /// <inheritdoc/>
    protected override IInstrumentLine Open(string address, int baud) =>
        InstrumentLines.Open(new LineSettings { Device = address, Baud = baud, Parity = System.IO.Ports.Parity.Even, Transport = LineTransport.Ports });
}

/// <summary>One poll() for all ports.</summary>
public sealed class PollLineTests : SerialLineContract
{
    [Fact]
    public async Task Many_lines_share_one_thread_and_none_hears_another()
    {
        var peers = Enumerable.Range(0, 64).Select(_ => new PtyPeer()).ToList();
        var lines = peers.Select(p => Open(p.Address)).ToList();
        try
        {
            Assert.All(lines, l => Assert.IsType<PollLine>(l));
            for (var k = 0; k < 64; k++)
                peers[k].Send([.. Enumerable.Repeat((byte)k, 100)]);
            for (var k = 0; k < 64; k++)
                Assert.Equal(Enumerable.Repeat((byte)k, 100), await ReadAsync(lines[k], 100));
        }
        finally
        {
            foreach (var line in lines)
                await line.DisposeAsync();
            peers.ForEach(p => p.Dispose());
        }
    }

    [Fact]
    public void A_speed_that_the_kernel_has_no_code_for_is_refused_with_the_ones_it_has()
    {
        using var peer = new PtyPeer();
        Assert.Contains("921600", Assert.Throws<IOException>(() => Open(peer.Address, 12345)).Message);
        Assert.Contains("/dev/none", Assert.Throws<IOException>(() => Open("/dev/none", 9600)).Message);
    }

    /// <inheritdoc/>
    protected override IInstrumentLine Open(string address, int baud) =>
        InstrumentLines.Open(new LineSettings { Device = address, Baud = baud, Parity = System.IO.Ports.Parity.Even, Transport = InstrumentLines.Choose(LineTransport.Auto, InstrumentLines.MostPorts + 1) });
}

/// <summary>A device server's socket.</summary>
public sealed class TcpLineTests : LineContract
{
    [Theory]
    [InlineData("tcp://127.0.0.1")]
    [InlineData("tcp://")]
    public void An_address_without_host_or_port_is_refused_with_an_example(string address) =>
        Assert.Contains("tcp://10.0.0.7:10001", Assert.Throws<IOException>(() => Open(address)).Message);

    /// <inheritdoc/>
    protected override int FloodFrame => 1 << 17;

    internal override LinePeer NewPeer() => new TcpPeer();

    /// <inheritdoc/>
    protected override IInstrumentLine Open(string address) => InstrumentLines.Open(new LineSettings { Device = address });
}
