using System.Collections.Concurrent;
using System.Security.Cryptography;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Entry = BattKomp.Lab.V1.Entry;
using Lease = BattKomp.Lab.V1.Lease;

namespace BattKomp.Lab.Tests.EdgeAgent.Support;

/// <summary>
/// The server's two agent lines over real HTTP/2, with the faults that a network has: late acknowledgements, cut calls, repeated acknowledgements,
/// requests to send again. Signs leases with a key of its own.
/// </summary>
internal sealed class FakeLabServer : IAsyncDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ConcurrentDictionary<string, StoredStream> _streams = new();
    private WebApplication? _app;
    private IServerStreamWriter<AgentOrder>? _orders;
    private int _entriesUntilCut = int.MaxValue;

    public Uri Address { get; private set; } = new("http://unset");

    public string? Token { get; private set; }

    public ConcurrentQueue<AgentReport> Reports { get; } = new();

    public IReadOnlyCollection<StoredStream> Streams => [.. _streams.Values];

    /// <summary>Acknowledge only every n-th entry, covering those before it.</summary>
    public int AckEvery { get; set; } = 1;

    /// <summary>Acknowledge everything twice.</summary>
    public bool AckTwice { get; set; }

    /// <summary>Take entries but acknowledge none.</summary>
    public bool Mute { get; set; }

    /// <summary>Asked once, after the first entry of the stream.</summary>
    public ConcurrentQueue<Resend> Resends { get; } = new();

    public void CutAfter(int entries) => Volatile.Write(ref _entriesUntilCut, entries);

    public static async Task<FakeLabServer> StartAsync(int port = 0)
    {
        var server = new FakeLabServer();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(System.Net.IPAddress.Loopback, port, l => l.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(server);
        server._app = builder.Build();
        server._app.MapGrpcService<IngestSide>();
        server._app.MapGrpcService<AgentSide>();
        await server._app.StartAsync();
        server.Address = new Uri(server._app.Urls.Single());
        return server;
    }

    public async Task OrderAsync(AgentOrder order) => await _orders!.WriteAsync(order);

    public bool HasLine => _orders is not null;

    /// <summary>Signs a lease whose window begins <paramref name="startsIn"/> from now.</summary>
    public AgentOrder LeaseOrder(string agent, LeasedChannel part, TimeSpan startsIn, TimeSpan length, string name = "leases/l1", double buffer = 0.2)
    {
        var now = DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        var lease = new Lease
        {
            Name = name,
            Agent = agent,
            Booking = "bookings/b1",
            Window = new TimeWindow { Start = (now + startsIn).ToTimestamp(), End = (now + startsIn + length).ToTimestamp() },
            ServerTime = now.ToTimestamp(),
            BufferSeconds = buffer,
            Channels = { part },
        };
        if (part.Program is not null && part.ProcedureSha256.Length == 0)
            part.ProcedureSha256 = ProgramCheck.HashOf(part.Program);
        lease.Channels[0] = part;
        return new AgentOrder { OrderId = name, Lease = Sign(lease) };
    }

    public SignedLease Sign(Lease lease)
    {
        var bytes = lease.ToByteArray();
        var signature = _key.SignData(bytes, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return new SignedLease { Lease = ByteString.CopyFrom(bytes), Signature = ByteString.CopyFrom(signature), KeyId = "k1" };
    }

    public byte[] PublicKey => _key.ExportSubjectPublicKeyInfo();

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            await _app!.StopAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            // Standing calls are cut.
        }
        await _app!.DisposeAsync();
        _key.Dispose();
    }

    internal sealed class StoredStream
    {
        public StreamOpened? Opened { get; set; }

        public SortedDictionary<long, (Batch Batch, int Row)> Records { get; } = [];

        public SortedDictionary<long, StreamEvent> Events { get; } = [];

        public StreamClosed? Closed { get; set; }

        public string Boot { get; set; } = "";

        /// <summary>Entries that came again with other bytes.</summary>
        public int Conflicts { get; set; }

        public Dictionary<long, byte[]> Entries { get; } = [];

        public double[] Values(string signal) =>
            [.. Records.Values.Select(r => r.Batch.Columns.SingleOrDefault(c => c.Signal == signal)?.Values[r.Row] ?? double.NaN)];

        public long[] Stamps => [.. Records.Values.Select(r => r.Batch.UtcNs[r.Row])];

        /// <summary>True when every sequence from 0 to the announced last is stored.</summary>
        public bool Complete => Closed is not null && Records.Count + Events.Count + (Opened is null ? 0 : 1) == Closed.LastSeq + 1;
    }

    private void Store(Entry entry, byte[] bytes)
    {
        var stream = _streams.GetOrAdd(JournalState.Id(entry.Key), _ => new StoredStream());
        lock (stream)
        {
            stream.Boot = entry.Key.Boot;
            if (entry.BodyCase != Entry.BodyOneofCase.Closed)
            {
                if (stream.Entries.TryGetValue(entry.FirstSeq, out var known) && !known.AsSpan().SequenceEqual(bytes))
                    stream.Conflicts++;
                stream.Entries[entry.FirstSeq] = bytes;
            }
            switch (entry.BodyCase)
            {
                case Entry.BodyOneofCase.Opened: stream.Opened = entry.Opened; break;
                case Entry.BodyOneofCase.Event: stream.Events[entry.FirstSeq] = entry.Event; break;
                case Entry.BodyOneofCase.Closed: stream.Closed = entry.Closed; break;
                case Entry.BodyOneofCase.Batch:
                    for (var k = 0; k < entry.Batch.UtcNs.Count; k++)
                        stream.Records[entry.FirstSeq + k] = (entry.Batch, k);
                    break;
            }
        }
    }

    internal sealed class IngestSide(FakeLabServer server) : IngestService.IngestServiceBase
    {
        private readonly Dictionary<string, Ack> _held = [];
        private int _since;

        public override async Task Ingest(IAsyncStreamReader<IngestRequest> requests, IServerStreamWriter<IngestReply> replies, ServerCallContext context)
        {
            server.Token = context.RequestHeaders.GetValue("authorization");
            await foreach (var request in requests.ReadAllAsync(context.CancellationToken))
            {
                if (request.Entry is not { } entry)
                    continue;
                server.Store(entry, entry.ToByteArray());
                if (Interlocked.Decrement(ref server._entriesUntilCut) == 0)
                    throw new RpcException(new Status(StatusCode.Unavailable, "cut by the test"));
                while (server.Resends.TryDequeue(out var resend))
                    await replies.WriteAsync(new IngestReply { Resend = resend });
                if (server.Mute)
                    continue;
                await AcknowledgeAsync(entry, replies);
            }
        }

        private async Task AcknowledgeAsync(Entry entry, IServerStreamWriter<IngestReply> replies)
        {
            var closed = entry.BodyCase == Entry.BodyOneofCase.Closed;
            var count = entry.BodyCase == Entry.BodyOneofCase.Batch ? entry.Batch.UtcNs.Count : 1;
            var id = JournalState.Id(entry.Key);
            if (_held.TryGetValue(id, out var ack) && !closed)
                ack.LastSeq = entry.FirstSeq + count - 1;
            else if (!closed)
                _held[id] = new Ack { Key = entry.Key, FirstSeq = entry.FirstSeq, LastSeq = entry.FirstSeq + count - 1 };
            if (++_since < server.AckEvery && !closed)
                return;
            _since = 0;
            foreach (var due in _held.Values)
                for (var k = 0; k < (server.AckTwice ? 2 : 1); k++)
                    await replies.WriteAsync(new IngestReply { Ack = due });
            _held.Clear();
            if (closed)
                await replies.WriteAsync(new IngestReply { Ack = new Ack { Key = entry.Key, FirstSeq = entry.FirstSeq, LastSeq = entry.FirstSeq, Closed = true } });
        }
    }

    internal sealed class AgentSide(FakeLabServer server) : AgentService.AgentServiceBase
    {
        public override Task<LeaseKey> GetLeaseKey(GetLeaseKeyRequest request, ServerCallContext context) =>
            Task.FromResult(new LeaseKey { PublicKey = ByteString.CopyFrom(server.PublicKey), KeyId = "k1" });

        public override async Task Control(IAsyncStreamReader<AgentReport> reports, IServerStreamWriter<AgentOrder> orders, ServerCallContext context)
        {
            server._orders = orders;
            await orders.WriteAsync(new AgentOrder { OrderId = "w", Welcome = new Welcome { KeyId = "k1" } });
            try
            {
                await foreach (var report in reports.ReadAllAsync(context.CancellationToken))
                    server.Reports.Enqueue(report);
            }
            finally
            {
                Interlocked.CompareExchange(ref server._orders, null, orders);
            }
        }
    }
}
