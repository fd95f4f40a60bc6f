using MQTTnet;
using MQTTnet.Formatter;
using MQTTnet.Protocol;

namespace BattKomp.Lab.Simulators.Instruments.Mqtt;

/// <summary>Where the broker is.</summary>
public sealed record BrokerOptions
{
    /// <summary>Host name or address.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>TCP port.</summary>
    public int Port { get; init; } = 1883;

    /// <summary>User name; null = none.</summary>
    public string? Username { get; init; }

    /// <summary>Password; null = none.</summary>
    public string? Password { get; init; }
}

/// <summary>
/// One instrument's connection to the broker: MQTT 5, reconnects with back-off, sends from the outbox, hands on commands.
/// Every connection is a new client object; a broken one is never used again.
/// </summary>
internal sealed class BrokerLink(BrokerOptions broker, string id, Outbox outbox, TimeProvider machine, Action<byte[]> onCommand, Func<CancellationToken, Task> onConnected)
{
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(2);
    private static readonly MqttClientFactory Factory = new();
    private bool _connectedBefore;

    internal static string RecordsTopic(string id) => $"lab/{id}/records";

    internal static string StatusTopic(string id) => $"lab/{id}/status";

    private string CommandTopic => $"lab/{id}/command";

    /// <summary>Why the last connection ended or did not come about; null while all is well.</summary>
    internal string? LastFailure { get; private set; }

    /// <summary>Keeps connecting and sending until cancelled.</summary>
    internal async Task RunAsync(CancellationToken cancel)
    {
        var backOff = FirstBackOff;
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await OneConnectionAsync(() => backOff = FirstBackOff, cancel).ConfigureAwait(false);
            }
            catch (Exception failure) when (!cancel.IsCancellationRequested)
            {
                LastFailure = failure.Message;
                await Task.Delay(backOff, machine, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                backOff = backOff * 2 < LongestBackOff ? backOff * 2 : LongestBackOff;
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task OneConnectionAsync(Action connected, CancellationToken cancel)
    {
        var disconnected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var client = Factory.CreateMqttClient();
        client.DisconnectedAsync += _ =>
        {
            disconnected.TrySetResult();
            return Task.CompletedTask;
        };
        client.ApplicationMessageReceivedAsync += e =>
        {
            onCommand(System.Buffers.BuffersExtensions.ToArray(e.ApplicationMessage.Payload));
            return Task.CompletedTask;
        };
        await client.ConnectAsync(Options(), cancel).ConfigureAwait(false);
        _connectedBefore = true;
        await client.SubscribeAsync(CommandTopic, MqttQualityOfServiceLevel.AtLeastOnce, cancel).ConfigureAwait(false);
        LastFailure = null;
        connected();
        using var greetingEnd = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var greeting = onConnected(greetingEnd.Token);
        try
        {
            await outbox.SendAsync(client, disconnected.Task, cancel).ConfigureAwait(false);
        }
        finally
        {
            // A full outbox that nobody empties would keep it waiting.
            await greetingEnd.CancelAsync().ConfigureAwait(false);
            await greeting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancel.IsCancellationRequested) await LeaveAsync(client).ConfigureAwait(false);
        }
    }

    // A clean leave sends no will, so the instrument says itself that it is gone.
    private async Task LeaveAsync(IMqttClient client)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1), machine);
        try
        {
            await client.PublishAsync(Status(RecordJson.Status(id, "offline", outbox.Published, null, null)), patience.Token).ConfigureAwait(false);
            await client.DisconnectAsync(new MqttClientDisconnectOptions(), patience.Token).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            LastFailure = failure.Message; // the will says it instead
        }
    }

    internal MqttApplicationMessage Status(byte[] payload) => new()
    {
        Topic = StatusTopic(id),
        PayloadSegment = payload,
        QualityOfServiceLevel = MqttQualityOfServiceLevel.AtLeastOnce,
        Retain = true,
    };

    private MqttClientOptions Options()
    {
        // The first connection of a process clears orders meant for an earlier one.
        var builder = new MqttClientOptionsBuilder()
            .WithProtocolVersion(MqttProtocolVersion.V500)
            .WithTcpServer(broker.Host, broker.Port)
            .WithClientId(id)
            .WithCleanStart(!_connectedBefore)
            .WithSessionExpiryInterval(3600)
            .WithKeepAlivePeriod(TimeSpan.FromSeconds(5))
            .WithTimeout(TimeSpan.FromSeconds(10))
            .WithWillTopic(StatusTopic(id))
            .WithWillPayload(RecordJson.Status(id, "offline", outbox.Published, null, null))
            .WithWillQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce)
            .WithWillRetain();
        if (broker.Username is not null) builder = builder.WithCredentials(broker.Username, broker.Password ?? "");
        return builder.Build();
    }
}
