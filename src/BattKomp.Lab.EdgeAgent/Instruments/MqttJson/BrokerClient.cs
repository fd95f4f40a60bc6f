using System.Collections.Concurrent;
using System.Buffers;
using BattKomp.Lab.EdgeAgent.Uplink;
using MQTTnet;
using MQTTnet.Formatter;
using MQTTnet.Protocol;

namespace BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

/// <summary>Where another's broker is.</summary>
public sealed record BrokerAddress(string Host, int Port, string Username = "", string Password = "");

/// <summary>
/// A client of any MQTT 5 broker: fixed client id, session kept across connections, acknowledgement only after the journal commit and pipelined. Every
/// connection is a client object and an epoch of its own: an acknowledgement that belongs to an earlier connection is dropped, because its packet id
/// may mean another message by now.
/// </summary>
public sealed class BrokerClient(BrokerAddress address, string clientId, TimeProvider machine, Action<string> log) : IMqttPort
{
    private const ushort ReceiveMaximum = 1000;
    private const uint SessionSeconds = 7 * 24 * 3600;
    private static readonly MqttClientFactory Factory = new();
    private readonly ConcurrentDictionary<string, MqttHandler> _routes = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<(Action Lost, Action Back)> _supervisors = [];
    private volatile IMqttClient? _client;
    private int _epoch;

    /// <inheritdoc/>
    public Task Ready => _ready.Task;

    /// <inheritdoc/>
    public void Route(string topic, MqttHandler handler)
    {
        _routes[topic] = handler;
        // While connected the new topic is asked for at once; a connection that breaks meanwhile asks for all of them again.
        if (_client is { IsConnected: true } client)
            _ = client.SubscribeAsync(topic, MqttQualityOfServiceLevel.AtLeastOnce).ContinueWith(
                t => log($"broker: {topic} is not subscribed yet: {t.Exception!.InnerException!.Message}"), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
    }

    /// <inheritdoc/>
    public void Unroute(string topic, MqttHandler handler) => _routes.TryRemove(new KeyValuePair<string, MqttHandler>(topic, handler));

    /// <inheritdoc/>
    public void Supervise(Action lost, Action back) => _supervisors.Add((lost, back));

    /// <inheritdoc/>
    public async Task PublishAsync(string topic, byte[] payload, CancellationToken cancel)
    {
        var client = _client ?? throw new IOException($"No connection to the broker {address.Host}:{address.Port}.");
        try
        {
            await client.PublishAsync(new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(payload)
                .WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce).Build(), cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new IOException($"The broker {address.Host}:{address.Port} did not take a message: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var backOff = new BackOff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), machine);
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await OneConnectionAsync(backOff, cancel);
            }
            catch (Exception e) when (!cancel.IsCancellationRequested)
            {
                log($"broker {address.Host}:{address.Port}: {e.Message}");
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
            finally
            {
                if (_client is not null)
                    _supervisors.ForEach(s => s.Lost());
                _client = null;
            }
            await backOff.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task OneConnectionAsync(BackOff backOff, CancellationToken cancel)
    {
        var epoch = Interlocked.Increment(ref _epoch);
        using var client = Factory.CreateMqttClient();
        var disconnected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        client.DisconnectedAsync += e =>
        {
            disconnected.TrySetResult();
            return Task.CompletedTask;
        };
        client.ApplicationMessageReceivedAsync += e => TakeAsync(e, epoch, cancel);
        await client.ConnectAsync(Options(), cancel);
        var subscribe = new MqttClientSubscribeOptionsBuilder();
        foreach (var topic in _routes.Keys)
            subscribe = subscribe.WithTopicFilter(topic, MqttQualityOfServiceLevel.AtLeastOnce);
        await client.SubscribeAsync(subscribe.Build(), cancel);
        _client = client;
        _supervisors.ForEach(s => s.Back());
        backOff.Reset();
        _ready.TrySetResult();
        await disconnected.Task.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (cancel.IsCancellationRequested)
            await client.DisconnectAsync(new MqttClientDisconnectOptions(), CancellationToken.None);
        else
            throw new IOException("the connection was lost");
    }

    // MQTTnet calls this one message at a time; it must not wait for the disk, or the window would never fill.
    private Task TakeAsync(MqttApplicationMessageReceivedEventArgs e, int epoch, CancellationToken cancel)
    {
        e.AutoAcknowledge = false;
        var handled = _routes.TryGetValue(e.ApplicationMessage.Topic, out var handler)
            ? handler(e.ApplicationMessage.Payload.ToArray())
            : Task.CompletedTask;
        _ = AcknowledgeAsync(e, handled, epoch, cancel);
        return Task.CompletedTask;
    }

    private async Task AcknowledgeAsync(MqttApplicationMessageReceivedEventArgs e, Task handled, int epoch, CancellationToken cancel)
    {
        try
        {
            await handled;
            if (Volatile.Read(ref _epoch) == epoch)
                await e.AcknowledgeAsync(cancel);
        }
        catch (Exception failure)
        {
            // Not journalled or not connected any more: the broker delivers it again.
            if (!cancel.IsCancellationRequested)
                log($"broker {address.Host}:{address.Port}: a message on {e.ApplicationMessage.Topic} is not acknowledged: {failure.Message}");
        }
    }

    private MqttClientOptions Options()
    {
        var builder = new MqttClientOptionsBuilder()
            .WithProtocolVersion(MqttProtocolVersion.V500)
            .WithTcpServer(address.Host, address.Port)
            .WithClientId(clientId)
            .WithCleanStart(false)
            .WithSessionExpiryInterval(SessionSeconds)
            .WithReceiveMaximum(ReceiveMaximum)
            .WithKeepAlivePeriod(TimeSpan.FromSeconds(5))
            .WithTimeout(TimeSpan.FromSeconds(10));
        return (address.Username.Length > 0 ? builder.WithCredentials(address.Username, address.Password) : builder).Build();
    }
}
