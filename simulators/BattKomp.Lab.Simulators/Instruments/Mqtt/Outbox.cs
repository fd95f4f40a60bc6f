using System.Threading.Channels;
using MQTTnet;

namespace BattKomp.Lab.Simulators.Instruments.Mqtt;

/// <summary>A message on its way out.</summary>
internal sealed class OutMessage(MqttApplicationMessage message, bool isRecord)
{
    internal MqttApplicationMessage Message { get; } = message;

    internal bool IsRecord { get; } = isRecord;

    internal int Sendings { get; set; }

    internal TaskCompletionSource? Acknowledged { get; init; }
}

/// <summary>
/// Messages that have no PUBACK yet, in order. They are sent pipelined within a window; when a connection breaks, what was
/// not acknowledged is sent again, oldest first. One sender at a time; any number of writers.
/// </summary>
internal sealed class Outbox(int window)
{
    private readonly Channel<OutMessage> _waiting = Channel.CreateBounded<OutMessage>(window * 4);
    private Queue<OutMessage> _again = new();
    private long _published;
    private long _acked;
    private long _resent;
    private long _added;

    internal long Published => Interlocked.Read(ref _published);

    internal long Acked => Interlocked.Read(ref _acked);

    internal long Resent => Interlocked.Read(ref _resent);

    internal long Unacknowledged => Interlocked.Read(ref _added) - Acked;

    /// <summary>Queues a message; waits while the queue is full.</summary>
    internal async Task AddAsync(OutMessage message, CancellationToken cancel)
    {
        // Counted first: the acknowledgement may come before this call returns.
        if (message.IsRecord) Interlocked.Increment(ref _added);
        try
        {
            await _waiting.Writer.WriteAsync(message, cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (message.IsRecord) Interlocked.Decrement(ref _added);
            throw;
        }
    }

    /// <summary>Sends until the connection breaks (throws) or the token fires.</summary>
    internal async Task SendAsync(IMqttClient client, Task disconnected, CancellationToken cancel)
    {
        var inFlight = new Queue<(OutMessage Message, Task<MqttClientPublishResult> Sending)>();
        try
        {
            while (!cancel.IsCancellationRequested)
            {
                while (inFlight.Count < window && TryNext(out var next)) inFlight.Enqueue((next, Send(client, next, cancel)));
                if (inFlight.Count > 0) await AcknowledgeOldest(inFlight).ConfigureAwait(false);
                else await SomethingToDo(disconnected, cancel).ConfigureAwait(false);
            }
        }
        finally
        {
            await KeepUnacknowledged(inFlight).ConfigureAwait(false);
        }
    }

    private bool TryNext(out OutMessage message) => _again.TryDequeue(out message!) || _waiting.Reader.TryRead(out message!);

    // Async, because a client that has just lost its connection throws before it gives a task: the message would be in
    // neither queue, and lost.
    private async Task<MqttClientPublishResult> Send(IMqttClient client, OutMessage message, CancellationToken cancel)
    {
        if (message.IsRecord) Interlocked.Increment(ref message.Sendings == 0 ? ref _published : ref _resent);
        message.Sendings++;
        return await client.PublishAsync(message.Message, cancel).ConfigureAwait(false);
    }

    private async Task AcknowledgeOldest(Queue<(OutMessage Message, Task<MqttClientPublishResult> Sending)> inFlight)
    {
        var (message, sending) = inFlight.Peek();
        var result = await sending.ConfigureAwait(false);
        if (!result.IsSuccess) throw new IOException($"the broker refused a message: {result.ReasonCode}");
        inFlight.Dequeue();
        Confirm(message);
    }

    private async Task KeepUnacknowledged(Queue<(OutMessage Message, Task<MqttClientPublishResult> Sending)> inFlight)
    {
        var again = new Queue<OutMessage>();
        foreach (var (message, sending) in inFlight)
        {
            await ((Task)sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (sending.IsCompletedSuccessfully && sending.Result.IsSuccess) Confirm(message);
            else again.Enqueue(message);
        }
        foreach (var message in _again) again.Enqueue(message);
        _again = again;
    }

    private void Confirm(OutMessage message)
    {
        if (message.IsRecord) Interlocked.Increment(ref _acked);
        message.Acknowledged?.TrySetResult();
    }

    private async Task SomethingToDo(Task disconnected, CancellationToken cancel)
    {
        var waiting = _waiting.Reader.WaitToReadAsync(cancel).AsTask();
        if (await Task.WhenAny(waiting, disconnected).ConfigureAwait(false) == disconnected)
            throw new IOException("the broker closed the connection");
        await waiting.ConfigureAwait(false);
    }
}
