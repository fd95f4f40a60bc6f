using System.Collections.Concurrent;
using System.Buffers;
using System.Net;
using MQTTnet;
using MQTTnet.Protocol;
using MQTTnet.Server;

namespace BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

/// <summary>
/// A broker inside the agent, on loopback, for sites that have none. A routed message gets its PUBACK only after the journal holds it, so a publisher
/// that keeps messages until then loses none when the agent dies. It serves one packet a client at a time: the disk's flush time bounds a client's rate.
/// </summary>
public sealed class HostedBroker(int port, Action<string> log) : IMqttPort
{
    private readonly ConcurrentDictionary<string, MqttHandler> _routes = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private MqttServer? _server;

    /// <inheritdoc/>
    public Task Ready => _ready.Task;

    /// <inheritdoc/>
    public void Route(string topic, MqttHandler handler) => _routes[topic] = handler;

    /// <inheritdoc/>
    public void Unroute(string topic, MqttHandler handler) => _routes.TryRemove(new KeyValuePair<string, MqttHandler>(topic, handler));

    /// <inheritdoc/>
    public async Task PublishAsync(string topic, byte[] payload, CancellationToken cancel)
    {
        var server = _server ?? throw new IOException("The broker is not running.");
        var message = new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(payload).WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce).Build();
        await server.InjectApplicationMessage(new InjectedMqttApplicationMessage(message) { SenderClientId = "battlab-agent" }, cancel);
    }

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var options = new MqttServerOptionsBuilder()
            .WithDefaultEndpoint()
            .WithDefaultEndpointBoundIPAddress(IPAddress.Loopback)
            .WithDefaultEndpointBoundIPV6Address(IPAddress.None)
            .WithDefaultEndpointPort(port)
            .WithPersistentSessions()
            .Build();
        using var server = new MqttServerFactory().CreateMqttServer(options);
        server.InterceptingPublishAsync += e => TakeAsync(e, cancel);
        try
        {
            await server.StartAsync();
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or InvalidOperationException)
        {
            var error = new IOException($"The broker cannot listen on 127.0.0.1:{port}: {e.Message}. Choose another broker.port.", e);
            _ready.TrySetException(error);
            throw error;
        }
        _server = server;
        _ready.TrySetResult();
        await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _server = null;
        await server.StopAsync();
    }

    private async Task TakeAsync(InterceptingPublishEventArgs e, CancellationToken cancel)
    {
        if (!_routes.TryGetValue(e.ApplicationMessage.Topic, out var handler))
            return;
        try
        {
            await handler(e.ApplicationMessage.Payload.ToArray());
        }
        catch (Exception failure)
        {
            // Not journalled, so never acknowledged: the publisher sends it again after the agent's next start.
            log($"broker: a message on {e.ApplicationMessage.Topic} is not acknowledged: {failure.Message}");
            e.ProcessPublish = false;
            e.CloseConnection = true;
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
