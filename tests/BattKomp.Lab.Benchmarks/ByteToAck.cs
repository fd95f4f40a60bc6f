using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.Ebc;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Leases;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.Simulators.Instruments.Ebc;
using BattKomp.Lab.Simulators.Instruments.Serial;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace BattKomp.Lab.Benchmarks;

/// <summary>
/// Time from an instrument's byte on the line to the server's acknowledgement at the agent. The agent's parts (poll lines, journal on a real disk, uplink) run in
/// this process, so that one clock sees both ends; each report carries a number in its capacity field, by which its record is known on the way out.
/// </summary>
internal sealed class ByteToAck : Interceptor
{
    private const int ReportsPerSecond = 10;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(5), Length = TimeSpan.FromSeconds(15);
    private readonly ConcurrentDictionary<(string Stream, long Seq), long> _written = new();
    private readonly ConcurrentDictionary<string, int> _deviceOf = new();
    private readonly long[][] _sent;
    private readonly ConcurrentQueue<(long At, double Milliseconds)> _latencies = new();

    private ByteToAck(int devices) => _sent = [.. Enumerable.Range(0, devices).Select(_ => new long[EbcWire.Greatest])];

    /// <summary>Milliseconds of each record after the warm-up.</summary>
    public static async Task<IReadOnlyList<double>> MeasureAsync(string folder, int devices)
    {
        var probe = new ByteToAck(devices);
        await using var host = await IngestHost.StartAsync(Path.Combine(folder, "server"));
        using var journal = AgentJournal.Open(new PhysicalDisk(Path.Combine(folder, "journal")));
        using var stop = new CancellationTokenSource();
        var lines = Enumerable.Range(0, devices).Select(_ => new PseudoTerminal()).ToList();
        var context = new DriverContext(journal, new StreamNames(IngestHost.Agent, "b1"), new StampClock(TimeProvider.System, LabClock.RealTime), TimeProvider.System,
            new StopLocks(new PhysicalDisk(Path.Combine(folder, "locks"))), _ => { }, _ => { });
        var channels = lines.Select((line, k) => Channel(line, k, context)).ToList();
        GiveLeases(channels, folder);
        List<Task> running = [.. channels.Select(c => c.RunAsync(stop.Token)), new IngestUplink(journal, host.Invoker.Intercept(probe), IngestHost.Agent, "b1", TimeProvider.System).RunAsync(stop.Token)];
        var started = Stopwatch.GetTimestamp();
        await Task.Factory.StartNew(() => probe.Write(lines, started), TaskCreationOptions.LongRunning);
        await stop.CancelAsync();
        await Task.WhenAll(running);
        lines.ForEach(l => l.Dispose());
        var counted = started + (long)(WarmUp.TotalSeconds * Stopwatch.Frequency);
        return [.. probe._latencies.Where(l => l.At >= counted).Select(l => l.Milliseconds)];
    }

    /// <inheritdoc/>
    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation)
    {
        var call = continuation(context);
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(
            new Outgoing<TRequest>(call.RequestStream, r => Sent((byte[])(object)r!)), new Incoming<TResponse>(call.ResponseStream, r => Answered((IngestReply)(object)r!)),
            call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, call.Dispose);
    }

    private static LineChannel Channel(PseudoTerminal line, int k, DriverContext context)
    {
        var config = new ChannelConfig { Channel = $"rigs/bench/channels/{k}", Protocol = EbcDriver.Name, Device = line.Path, Simulated = true, Transport = LineTransport.Poll };
        return new LineChannel(new EbcDriver(), config, () => InstrumentLines.Open(config), context);
    }

    private static void GiveLeases(List<LineChannel> channels, string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var book = new LeaseBook(new PhysicalDisk(Path.Combine(folder, "leases")), IngestHost.Agent, TimeProvider.System, new MachineUptime()) { Key = key.ExportSubjectPublicKeyInfo() };
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        var lease = new Lease { Name = "leases/bench", Agent = IngestHost.Agent, ServerTime = now, Window = new V1.TimeWindow { Start = now, End = now + Duration.FromTimeSpan(TimeSpan.FromHours(1)) } };
        lease.Channels.AddRange(channels.Select(c => new LeasedChannel { Channel = c.Channel, Run = $"runs/{c.Channel.Split('/')[^1]}", Control = ControlClass.Monitor, Simulated = true }));
        var bytes = lease.ToByteArray();
        var (held, problem) = book.Take(new SignedLease { Lease = ByteString.CopyFrom(bytes), Signature = ByteString.CopyFrom(key.SignData(bytes, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)) });
        for (var k = 0; k < channels.Count; k++)
            if ((held is null ? problem : channels[k].Take(held, held.Lease.Channels[k])) is { } refused)
                throw new InvalidOperationException(refused);
    }

    // Every device at its own phase, as free-running instruments are.
    private void Write(List<PseudoTerminal> lines, long started)
    {
        using var never = new ManualResetEventSlim(false);
        var total = (int)((WarmUp + Length).TotalSeconds * ReportsPerSecond * lines.Count);
        for (var k = 0; k < total; k++)
        {
            var due = TimeSpan.FromSeconds((double)k / (ReportsPerSecond * lines.Count)) - Stopwatch.GetElapsedTime(started);
            if (due > TimeSpan.FromMilliseconds(0.2))
                never.Wait(due);
            var (device, number) = (k % lines.Count, 1 + (k / lines.Count));
            lines[device].Receive(TimeSpan.Zero, CancellationToken.None);
            _sent[device][number] = Stopwatch.GetTimestamp();
            lines[device].Send(Report(number));
        }
    }

    private static byte[] Report(int number)
    {
        var payload = new byte[16];
        EbcWire.Number(payload.AsSpan(3), 3700);
        EbcWire.Number(payload.AsSpan(5), number);
        payload[15] = 0x09;
        return EbcWire.Frame(payload);
    }

    private void Sent(byte[] request)
    {
        if (IngestRequest.Parser.ParseFrom(request).Entry is not { } entry)
            return;
        if (entry.Opened is { } opened)
            _deviceOf[entry.Key.Stream] = int.Parse(opened.Channel.Split('/')[^1], System.Globalization.CultureInfo.InvariantCulture);
        if (entry.Batch?.Columns.Single(c => c.Signal == "step_cumulative_capacity_ah").Values is not { } numbers)
            return;
        for (var k = 0; k < numbers.Count; k++)
            _written[(entry.Key.Stream, entry.FirstSeq + k)] = _sent[_deviceOf[entry.Key.Stream]][(int)Math.Round(numbers[k] * 1000)];
    }

    private void Answered(IngestReply reply)
    {
        if (reply.Ack is not { } ack)
            return;
        for (var seq = ack.FirstSeq; seq <= ack.LastSeq; seq++)
            if (_written.TryRemove((ack.Key.Stream, seq), out var at))
                _latencies.Enqueue((at, Stopwatch.GetElapsedTime(at).TotalMilliseconds));
    }

    private sealed class Outgoing<T>(IClientStreamWriter<T> inner, Action<T> seen) : IClientStreamWriter<T>
    {
        public WriteOptions? WriteOptions
        {
            get => inner.WriteOptions;
            set => inner.WriteOptions = value;
        }

        public Task CompleteAsync() => inner.CompleteAsync();

        public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

        public Task WriteAsync(T message, CancellationToken cancellationToken)
        {
            seen(message);
            return inner.WriteAsync(message, cancellationToken);
        }
    }

    private sealed class Incoming<T>(IAsyncStreamReader<T> inner, Action<T> seen) : IAsyncStreamReader<T>
    {
        public T Current => inner.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (!await inner.MoveNext(cancellationToken))
                return false;
            seen(inner.Current);
            return true;
        }
    }
}
