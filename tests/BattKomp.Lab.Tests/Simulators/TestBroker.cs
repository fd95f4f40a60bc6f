using System.Buffers;
using System.Text.Json;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.Support;
using MQTTnet.Protocol;
using MQTTnet.Server;

namespace BattKomp.Lab.Tests.Simulators;

/// <summary>A broker in this process that keeps every record message it took, and can be stopped and begun again.</summary>
internal sealed class TestBroker : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<JsonElement> _records = [];
    private readonly Dictionary<string, JsonElement> _status = [];
    private MqttServer? _server;

    internal int Port { get; } = FreePort.Next();

    internal int RecordCount
    {
        get
        {
            lock (_gate) return _records.Count;
        }
    }

    /// <summary>Every record message in order of arrival, repetitions included.</summary>
    internal List<JsonElement> Records()
    {
        lock (_gate) return [.. _records];
    }

    internal JsonElement? Status(string id)
    {
        lock (_gate) return _status.TryGetValue(id, out var status) ? status : null;
    }

    internal string? State(string id) => Status(id)?.GetProperty("state").GetString();

    internal async Task StartAsync()
    {
        var options = new MqttServerOptionsBuilder().WithDefaultEndpoint().WithDefaultEndpointPort(Port)
            .WithDefaultEndpointBoundIPAddress(System.Net.IPAddress.Loopback).Build();
        _server = new MqttServerFactory().CreateMqttServer(options);
        _server.InterceptingPublishAsync += Take;
        await _server.StartAsync();
    }

    internal async Task StopAsync()
    {
        if (_server is null) return;
        await _server.StopAsync(new MqttServerStopOptions());
        _server.Dispose();
        _server = null;
    }

    /// <summary>Sends an order as an agent would.</summary>
    internal Task CommandAsync(string id, string json) => _server!.InjectApplicationMessage(
        new InjectedMqttApplicationMessage(new MQTTnet.MqttApplicationMessage
        {
            Topic = $"lab/{id}/command",
            PayloadSegment = System.Text.Encoding.UTF8.GetBytes(json),
            QualityOfServiceLevel = MqttQualityOfServiceLevel.AtLeastOnce,
        })
        { SenderClientId = "test" });

    public async ValueTask DisposeAsync() => await StopAsync();

    private Task Take(InterceptingPublishEventArgs e)
    {
        var topic = e.ApplicationMessage.Topic.Split('/');
        var json = topic[2] == "command" ? default : JsonDocument.Parse(e.ApplicationMessage.Payload.ToArray()).RootElement;
        lock (_gate)
        {
            if (topic[2] == "records") _records.Add(json);
            if (topic[2] == "status") _status[topic[1]] = json;
        }
        return Task.CompletedTask;
    }
}
